// Package sharegroup is a consumer on a share group (KIP-932). [Consumer] runs several clients
// in a pod, which acknowledge each record and renew the locks of slow ones.
package sharegroup
