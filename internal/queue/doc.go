// Package queue keeps events until they are delivered. It is built on JetStream: on
// a server of our own in this process, which keeps its files in a folder, or on a cluster.
package queue
