// Package client has the options that franz-go clients of a pod share, and calls that end
// with their context where kgo's do not.
package client
