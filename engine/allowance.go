package engine

import (
	"errors"
	"strconv"
	"time"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Limit is how many requests the API takes in a time. It is immutable; pointers
// to limits of one program may be compared.
type Limit = plan.Limit

// Limits returns the limits that the rules know, in the order of the file.
func (p *Program) Limits() []*Limit { return p.plan.Delivery.Limits }

// Tiers returns the tiers that the API sells, for Limit.Max, in the order of the
// file: the first is the one that holds unless one is named. It is empty where the
// limits do not depend on it.
func (p *Program) Tiers() []string { return p.plan.Delivery.Tiers }

// Limits returns the limits that the request counts for.
func (q *Request) Limits() []*Limit { return q.plan.Limits }

// Allowance is what an answer says of a limit.
type Allowance struct {
	Limit   *Limit
	Max     int           // requests that the API takes in the time of the limit; -1 where it does not say
	Left    int           // requests that it takes until that time is over; -1 where it does not say
	Reset   time.Duration // until it takes all of them again; 0 where it does not say
	Reached bool          // the request was refused because of this limit
}

// Allowances reads what an answer says of limits. The error joins what could not
// be computed, which counts as not said.
func (c *Connection) Allowances(limits []*Limit, answer Answer) (out []Allowance, err error) {
	if len(limits) == 0 {
		return nil, nil
	}
	c.borrow(func(r *runner) {
		r.listen(answer)
		var failed []error
		try := func(do func() error) {
			r.frame.Steps = c.program.limits.Steps
			if err := guarded(do); err != nil {
				failed = append(failed, err)
			}
		}
		for _, l := range limits {
			a := Allowance{Limit: l, Max: -1, Left: -1}
			try(func() (err error) { a.Max, err = r.told(l.SaysMax); return err })
			try(func() (err error) { a.Left, err = r.told(l.SaysLeft); return err })
			try(func() (err error) { a.Reset, err = r.wait(0, l.SaysReset); return err })
			try(func() (err error) {
				if l.SaysReached != nil {
					a.Reached, err = r.condition(l.SaysReached)
				}
				return err
			})
			out = append(out, a)
		}
		err = errors.Join(failed...)
	})
	return out, err
}

// Allowances reads what an answer to the call says of its limits, as
// Connection.Allowances does.
func (c *Call) Allowances(answer Answer) ([]Allowance, error) {
	return c.connection.Allowances(c.Limits, answer)
}

// told is a number of requests, as an answer tells it: a number or its text;
// -1 for anything else.
func (r *runner) told(e *plan.Expr) (int, error) {
	if e == nil {
		return -1, nil
	}
	v, err := r.expr(e)
	if err != nil || v.Kind() != value.String && v.Kind() != value.Number {
		return -1, err
	}
	if n, err := strconv.Atoi(v.Text()); err == nil && n >= 0 {
		return n, nil
	}
	return -1, nil
}
