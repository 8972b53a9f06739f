// Package queue keeps events until they are delivered. It is built on JetStream: on a
// server of our own in this process, which keeps its files in a folder, or on a cluster.
//
// # What is stored
//
// A message of the stream NAME-events is a chunk: up to 512 events of one partition. While
// a chunk is on its way, the next one fills. Progress is messages of its own
// (NAME-progress): what is finished since, now and then all that is not. Each is stored only
// after the last that its writer knows, so a worker whose partition went to another
// cannot note anything (ErrLost). Chunks that are finished are removed some time later;
// nothing depends on that. NAME-dead has dead letters, KV_NAME-cursors how far files
// are stored, KV_NAME-leases who works on what.
//
// KV_NAME-identities has which keys belong together and what events taught: a log of
// changes, one message for a batch of events, all of it in memory while events are taken in. An
// entry for each key would cost the server memory and a write for each key ever seen.
//
// A queue in a folder has one partition: only one process works on it, and
// one note tells of the progress of all. A queue in a cluster has 16.
//
// # What holds
//
// Flush returns when the server has acknowledged what was put, and Finish when it has
// acknowledged the note. The server of our own acknowledges after it has given the message to
// the operating system (nats-server's file store writes in place for streams with one
// replica), so all of that survives SIGKILL at any moment. It does not survive the loss
// of power: the server syncs its files every two minutes, unless Options.SyncAlways has
// it sync each message before it is acknowledged. In a cluster of three, two
// servers have a message before it is acknowledged; whether they sync is
// their own setting (sync_interval).
//
// The table of keys is bounded (Options.Identities, Options.Remember): a key that was forgotten
// while events of its lane are queued still may get another lane, and its order is lost. A
// barrier between partitions waits for all that was stored before in the other
// partition, not only for the lane. Events of one person that are put by two producers at
// the same time have no order.
package queue
