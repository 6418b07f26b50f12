// Package group is a member of a Kafka consumer group: it turns polled records into tasks,
// commits low watermarks, and ends each assignment in order.
//
// [Join] a group, [Member.Poll] tasks, [Task.Start] and [Task.Finish] each of them, and
// [Member.Leave]. [Watermark] and [Window] work alone too.
package group
