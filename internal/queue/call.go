package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errConflict means that somebody else wrote what we were about to write after.
var errConflict = errors.New("somebody else has written in between")

// insist does something until it succeeds, or fails for good: a server that is
// not there comes back. What it does may be done twice.
func (q *Queue) insist(ctx context.Context, what string, do func(context.Context) error) error {
	pause, told := 20*time.Millisecond, time.Time{}
	for {
		once, cancel := context.WithTimeout(ctx, q.patience)
		err := do(once)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, new(errStop)):
			return errors.Unwrap(err)
		case final(err):
			return fmt.Errorf("cannot %s: %w", what, err)
		}
		if time.Since(told) > 10*time.Second && pause > 500*time.Millisecond {
			told = time.Now()
			if full(err) {
				q.log.Warn("the queue is full: nothing is taken in until events are finished", "limit", q.events.CachedInfo().Config.MaxBytes)
			} else {
				q.log.Warn("the queue's server does not answer as expected: trying again", "to", what, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// full tells that a stream has as many bytes as it may.
func full(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum bytes")
}

// scarce tells that a server has not as much room as a stream may take.
func scarce(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == 10047 || strings.Contains(api.Description, "insufficient storage"))
}

// final tells of errors that trying again does not mend.
func final(err error) bool {
	for _, e := range []error{
		errConflict, jetstream.ErrMsgNotFound, jetstream.ErrKeyNotFound, jetstream.ErrKeyExists,
		nats.ErrConnectionClosed, nats.ErrMaxPayload, nats.ErrAuthorization, nats.ErrPermissionViolation,
		jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) || full(err) {
		return false
	}
	// 503 is a server's trouble; the others are the request's.
	return api.Code >= 400 && api.Code < 500
}

// publish stores a message, and returns its sequence once it is stored. With an id, a
// message that is sent again as the answer to the first was lost is stored once.
func (q *Queue) publish(ctx context.Context, m *nats.Msg, options ...jetstream.PublishOpt) (uint64, error) {
	var sequence uint64
	options = append(options, jetstream.WithRetryAttempts(0))
	err := q.insist(ctx, "store in "+m.Subject, func(ctx context.Context) error {
		ack, err := q.js.PublishMsg(ctx, m, options...)
		if err == nil {
			sequence = ack.Sequence
		}
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			return errConflict
		}
		return err
	})
	return sequence, err
}

// next reads the first message on a subject, which may have wildcards, from a sequence on. It
// returns nil where there is none.
func (q *Queue) next(ctx context.Context, stream jetstream.Stream, subject string, from uint64) (*jetstream.RawStreamMsg, error) {
	return q.get(ctx, stream, max(from, 1), jetstream.WithGetMsgSubject(subject))
}

// get reads a message by its sequence. It returns nil where there is none.
func (q *Queue) get(ctx context.Context, stream jetstream.Stream, sequence uint64, options ...jetstream.GetMsgOpt) (m *jetstream.RawStreamMsg, err error) {
	err = q.insist(ctx, "read", func(ctx context.Context) error {
		m, err = stream.GetMsg(ctx, sequence, options...)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			m, err = nil, nil
		}
		return err
	})
	return m, err
}

// lastOf returns the sequence of the last message on a subject without wildcards, and
// zero where there is none.
func (q *Queue) lastOf(ctx context.Context, stream jetstream.Stream, subject string) (sequence uint64, err error) {
	err = q.insist(ctx, "read", func(ctx context.Context) error {
		m, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		} else if err == nil {
			sequence = m.Sequence
		}
		return err
	})
	return sequence, err
}

// errBehind means that a server had not all of a stream yet; it is tried again.
var errBehind = errors.New("the server has not caught up with the others")

// scan calls visit with the messages on a subject from a sequence on, until there is no
// more or visit returns an error. At the most so many are read ahead.
func (q *Queue) scan(ctx context.Context, stream jetstream.Stream, c jetstream.ConsumerConfig, from uint64, ahead int, visit func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	c.AckPolicy, c.MemoryStorage, c.Replicas, c.InactiveThreshold = jetstream.AckNonePolicy, true, 1, 10*time.Second
	c.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
	var end uint64 // what is stored by now; the leader of the stream says it
	return q.insist(ctx, "read", func(once context.Context) error {
		if end == 0 {
			info, err := stream.Info(once)
			if err != nil {
				return err
			}
			end = info.State.LastSeq
		}
		if from > end {
			return nil
		}
		c.OptStartSeq = max(from, 1)
		consumer, err := stream.CreateConsumer(once, c)
		if err != nil {
			return err
		}
		defer func() {
			away, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.patience)
			defer cancel()
			_ = stream.DeleteConsumer(away, consumer.CachedInfo().Name) // else it goes when nobody uses it
		}()
		for left := consumer.CachedInfo().NumPending; left > 0; {
			batch, err := consumer.FetchNoWait(ahead)
			if err != nil {
				return err
			}
			some := false
			for m := range batch.Messages() {
				meta, err := m.Metadata()
				if err != nil {
					return err
				}
				if err := visit(m, meta); err != nil {
					return errStop{err}
				}
				some, from, left = true, meta.Sequence.Stream+1, meta.NumPending
			}
			if err := batch.Error(); err != nil {
				return err
			}
			if !some {
				break // what was left has been deleted meanwhile
			}
		}
		if from > end {
			return nil
		}
		// The consumer may be on a server that has not caught up yet.
		m, err := stream.GetMsg(once, max(from, 1), jetstream.WithGetMsgSubject(cmp.Or(c.FilterSubject, ">")))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence > end:
			return nil
		case err == nil:
			return errBehind
		}
		return err
	})
}

// errStop is an error that is not the server's.
type errStop struct{ error }

func (e errStop) Unwrap() error { return e.error }
