package rudderserver

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A queue", func() {
	answer := func(t *Transform, elements string) *Answer {
		a, err := t.Check(response(200, `{"output":[`+elements+`]}`))
		Expect(err).NotTo(HaveOccurred())
		return a
	}
	ids := func(jobs []Job) (ids []int64) {
		for _, j := range jobs {
			r, err := readJob(j)
			Expect(err).NotTo(HaveOccurred())
			ids = append(ids, r.JobID)
		}
		return ids
	}

	It("keeps what fails, with the later jobs of its user", func() {
		t := threeJobs()
		q := queue(t, 9)
		Expect(ids(q.Pick(2))).To(Equal([]int64{1, 2}))
		var sent [][]int64
		Expect(q.Deliver(answer(t, one(1, 429)+`,`+one(2, 200)+`,`+one(3, 200)), func(e *Element, _ *Descriptor) map[int64]int {
			sent = append(sent, e.Jobs)
			return map[int64]int{0: 201}
		})).To(Succeed())
		Expect(sent).To(Equal([][]int64{{3}}))
		Expect(q.States()).To(Equal(map[int64]State{1: Waiting, 2: Waiting, 3: Delivered}))

		By("sending the first of them alone until it is done with")
		next := q.Pick(10)
		Expect(ids(next)).To(Equal([]int64{1}))
		Expect(next[0].Metadata).To(ContainSubstring(`"attemptNum":1`))
		again, err := NewTransform("hs", next, true)
		Expect(err).NotTo(HaveOccurred())
		retried := instead(one(1, 400), m1, string(next[0].Metadata))
		Expect(q.Deliver(answer(again, retried), all(200))).To(Succeed())
		Expect(q.States()).To(Equal(map[int64]State{1: Aborted, 2: Waiting, 3: Delivered}))
		Expect(ids(q.Pick(10))).To(Equal([]int64{2}))
	})

	It("gives an element the status of its first request that fails", func() {
		t := threeJobs()
		q := queue(t, 9)
		calls := 0
		several := instead(delivered, request, `[`+request+`,`+request+`,`+request+`]`)
		Expect(q.Deliver(answer(t, several+`,`+one(3, 298)), func(*Element, *Descriptor) map[int64]int {
			calls++
			return map[int64]int{0: []int{200, 500}[calls-1]}
		})).To(Succeed())
		Expect(calls).To(Equal(2))
		Expect(q.States()).To(Equal(map[int64]State{1: Waiting, 2: Waiting, 3: Filtered}))
	})

	It("takes outcomes job by job, and the proxy's wish to send alone", func() {
		t := threeJobs()
		q := queue(t, 9)
		Expect(q.Deliver(answer(t, delivered+`,`+one(3, 400)), func(*Element, *Descriptor) map[int64]int {
			q.Alone(2)
			return map[int64]int{1: 400, 2: 500}
		})).To(Succeed())
		Expect(q.States()).To(Equal(map[int64]State{1: Aborted, 2: Waiting, 3: Aborted}))
		Expect(q.Pick(9)).To(HaveLen(1))
		var m Metadata
		Expect(json.Unmarshal(q.Pick(9)[0].Metadata, &m)).To(Succeed())
		Expect(m.DontBatch).To(BeTrue())
	})

	It("tries everything again when a call failed as a whole", func() {
		t := threeJobs()
		q := queue(t, 9)
		a, err := t.Check(response(503, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(q.Deliver(a, all(200))).To(Succeed())
		Expect(ids(q.Pick(9))).To(Equal([]int64{1, 3}))
	})
})
