package send

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine"
)

// TestLimit draws a limit, others who use it and late wake-ups, and plays the API: no
// span of time has more requests than are allowed, apart from what others begin
// without warning, and nearly all that is allowed is used.
func TestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(50, 300).Draw(t, "max")
		per := 10 * time.Second
		others := rapid.IntRange(0, most/2).Draw(t, "requests of others in a span")
		l := newLimit("burst", most, per)
		now := time.Unix(1000, 0)
		end, settled := now.Add(2*time.Minute), now.Add(time.Minute)
		var arrived []time.Time // all requests
		var ours, refusals int
		nextOther := now
		late := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for now.Before(end) {
			at := l.when()
			if at.Before(now) {
				at = now
			}
			at = at.Add(time.Duration(late.IntN(3000)) * time.Microsecond)
			for others > 0 && nextOther.Before(at) {
				arrived, nextOther = append(arrived, nextOther), nextOther.Add(per/time.Duration(others))
			}
			now = at
			l.take(now)
			for len(arrived) > 0 && !arrived[0].After(now.Add(-per)) {
				arrived = arrived[1:]
			}
			left := most - len(arrived) - 1
			reached := left < 0
			if reached {
				left = 0
			} else {
				arrived = append(arrived, now)
			}
			switch {
			case now.Before(settled):
			case reached:
				refusals++
			default:
				ours++
			}
			l.told(engine.Allowance{Max: most, Left: left, Reached: reached}, now, now)
		}
		permitted := float64(most-others) * float64(end.Sub(settled)) / float64(per)
		if used := float64(ours) / permitted; used < 0.93 || used > 1.001 {
			t.Errorf("used %.1f %% of what is permitted", 100*used)
		}
		if share := float64(refusals) / float64(ours); share > 0.02 || others == 0 && refusals > 0 {
			t.Errorf("%.2f %% of the requests were too many", 100*share)
		}
	})
}

// TestLongLimit plays a day: as long as much is left nothing is held back; in the end
// others find the reserve.
func TestLongLimit(t *testing.T) {
	const most = 100_000
	l := newLimit("daily", most, 24*time.Hour)
	now := time.Unix(1000, 0)
	start, left := now, most
	for now.Before(start.Add(24 * time.Hour)) {
		if at := l.when(); at.After(now) {
			now = at
		}
		l.take(now)
		left--
		l.told(engine.Allowance{Max: most, Left: left}, now, now)
		if left == most/2 && now.Sub(start) > time.Hour {
			t.Fatalf("half of it took %s", now.Sub(start))
		}
		now = now.Add(50 * time.Millisecond)
	}
	if left < most*3/100 || left > most*15/100 {
		t.Errorf("%d of %d are left for others", left, most)
	}
}

// Who does not say what the account has bought is told by answers; where they tell
// nothing, the limit does not hold until it is reached.
func TestLimitNobodyNamed(t *testing.T) {
	const per, silent = 10 * time.Second, -1
	now := time.Unix(1000, 0)
	l := newLimit("burst", 100, per)
	l.asked = true
	if every := l.interval(now); every < per/100 {
		t.Errorf("before any answer: a request every %v, more than the smallest tier allows", every)
	}
	answer := func(most int, how trouble) time.Duration {
		if most < 0 {
			l.learn(how)
		}
		l.told(engine.Allowance{Max: most, Left: silent}, now, now)
		return l.interval(now)
	}
	if every := answer(silent, broken); every < per/100 {
		t.Errorf("after an answer that tells of trouble only: a request every %v", every)
	}
	if every := answer(silent, none); every != 0 {
		t.Errorf("after a success that tells of no limit: a request every %v, not at once", every)
	}
	other := *l
	answer(silent, limited)
	if every := answer(silent, none); every < per/100 {
		t.Errorf("after the limit was reached: a request every %v, more than the smallest tier allows", every)
	}
	l = &other
	for _, most := range []int{190, silent} {
		if every := answer(most, none); every < per/190 || every > per/180 {
			t.Errorf("after an answer that tells of 190 (now of %d): a request every %v", most, every)
		}
	}
}
