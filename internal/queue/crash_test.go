package queue_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
)

// victim is the environment's name for the folder of a process that is killed.
const victim = "CELMAP_QUEUE_VICTIM"

const (
	crashEvents = 20000
	crashPeople = 40
)

// person is whose event i is, and by which keys: a user's, an anonymous visitor's, or by both.
// From the first event with both on, all events of the person have an order.
func person(i int) (who int, keys []string) {
	who = i % crashPeople
	user, visitor := fmt.Sprint("user-", who), fmt.Sprint("visitor-", who)
	switch (i / crashPeople * 7 % 11) % 5 {
	case 0, 1:
		return who, []string{user}
	case 2, 3:
		return who, []string{visitor}
	default:
		return who, []string{user, visitor}
	}
}

// suffer puts events in and takes them out, and writes down what happens, until all is
// done or the process is killed.
func suffer(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	diary, err := os.OpenFile(filepath.Join(dir, "diary"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintln(diary, "start 0 0-0-0")
	q, err := queue.Open(ctx, queue.Options{Dir: filepath.Join(dir, "state")})
	if err != nil {
		return err
	}
	defer q.Close()
	in, err := q.Intake(ctx, queue.Source{Name: "numbers"})
	if err != nil {
		return err
	}
	w, err := q.Work(ctx)
	if err != nil {
		return err
	}
	putting := make(chan error, 1)
	go func() {
		for i := int(in.Cursor().Events); i < crashEvents; i++ {
			_, keys := person(i)
			if err := in.Put(ctx, queue.Event{JSON: strconv.AppendInt(nil, int64(i), 10), Keys: keys}); err != nil {
				putting <- err
				return
			}
			if i%20 == 0 {
				time.Sleep(time.Millisecond) // so that there is time to be killed in
			}
			if i%97 == 0 {
				in.Mark(queue.Cursor{Offset: int64(i)})
			}
			if i%500 == 0 {
				if err := in.Flush(ctx); err != nil {
					putting <- err
					return
				}
			}
		}
		in.Mark(queue.Cursor{Offset: crashEvents})
		putting <- in.Flush(ctx)
	}()
	var write sync.Mutex
	note := func(word string, items []queue.Item) {
		var text bytes.Buffer
		for _, i := range items {
			fmt.Fprintln(&text, word, string(i.JSON), i.ID)
		}
		write.Lock()
		defer write.Unlock()
		diary.Write(text.Bytes())
	}
	var failed error
	for {
		some, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		items, err := w.Next(some, 1+rand.IntN(200))
		cancel()
		if err == nil {
			note("handed", items)
			go func() {
				time.Sleep(rand.N(20 * time.Millisecond)) // what delivery takes
				if err := w.Finish(ctx, ids(items), nil); err != nil {
					write.Lock()
					failed = err
					write.Unlock()
					return
				}
				note("finished", items)
			}()
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		write.Lock()
		err = failed
		write.Unlock()
		if err != nil {
			return err
		}
		select {
		case err := <-putting:
			if err != nil {
				return err
			}
			putting <- nil
			d, err := q.Depth(ctx)
			if err != nil {
				return err
			}
			if d.Events == 0 {
				return nil
			}
		default:
		}
	}
}

func init() {
	if dir := os.Getenv(victim); dir != "" {
		if err := suffer(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

var _ = Describe("A process that is killed", func() {
	It("loses nothing that was stored, and nothing that was finished comes again", func() {
		dir := GinkgoT().TempDir()
		self, err := os.Executable()
		Expect(err).NotTo(HaveOccurred())
		kills := 0
		for finished := false; !finished; {
			child := exec.Command(self)
			child.Env = append(os.Environ(), victim+"="+dir)
			child.Stderr = GinkgoWriter
			Expect(child.Start()).To(Succeed())
			ended := make(chan error, 1)
			go func() { ended <- child.Wait() }()
			patience := time.Minute
			if kills < 12 {
				patience = time.Duration(40+rand.IntN(250)) * time.Millisecond
			}
			select {
			case err := <-ended:
				Expect(err).NotTo(HaveOccurred())
				finished = true
			case <-time.After(patience):
				Expect(child.Process.Kill()).To(Succeed())
				<-ended
				kills++
				Expect(kills).To(BeNumerically("<", 13), "it does not come to an end")
			}
		}
		AddReportEntry("killed", kills)
		Expect(kills).To(BeNumerically(">", 0))

		text, err := os.ReadFile(filepath.Join(dir, "diary"))
		Expect(err).NotTo(HaveOccurred())
		stored := map[int]string{} // event → ID
		finished := map[int]bool{} // noted
		latest := map[int]int{}    // of a person, handed out by this process
		merged := map[int]int{}    // person → first event with both keys
		for i := crashEvents - 1; i >= 0; i-- {
			if who, keys := person(i); len(keys) == 2 {
				merged[who] = i
			}
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			var word, id string
			var i int
			_, err := fmt.Sscan(lines.Text(), &word, &i, &id)
			Expect(err).NotTo(HaveOccurred())
			switch who, _ := person(i); word {
			case "start":
				clear(latest)
			case "handed":
				if stored[i] == "" {
					stored[i] = id
				}
				Expect(id).To(Equal(stored[i]), "event %d was stored twice", i)
				Expect(finished[i]).To(BeFalse(), "event %d was finished", i)
				if last, ok := latest[who]; ok && last >= merged[who] {
					Expect(i).To(BeNumerically(">", last), "order of person %d", who)
				}
				latest[who] = max(latest[who], i)
			case "finished":
				finished[i] = true
			}
		}
		Expect(stored).To(HaveLen(crashEvents))
	})
})
