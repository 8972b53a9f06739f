package lookup

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache remembers values within a bound of number and of bytes: what was not
// used for longest goes. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[K, weighed[V]]
	bytes int64
	most  int64
}

type weighed[V any] struct {
	value V
	bytes int64
}

func newCache[K comparable, V any](entries int, bytes int64) *cache[K, V] {
	c := &cache[K, V]{most: bytes}
	lru, err := simplelru.NewLRU(entries, func(_ K, w weighed[V]) { c.bytes -= w.bytes })
	if err != nil {
		panic(err) // entries is above zero
	}
	c.lru = lru
	return c
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.lru.Get(k)
	return w.value, ok
}

// put remembers a value in place of an older one. The newest stays, whatever its size.
func (c *cache[K, V]) put(k K, v V, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(k, v, bytes)
}

// getOr returns what is remembered, else what is made, which is remembered then.
func (c *cache[K, V]) getOr(k K, bytes int64, make func() V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.lru.Get(k); ok {
		return w.value
	}
	v := make()
	c.store(k, v, bytes)
	return v
}

func (c *cache[K, V]) store(k K, v V, bytes int64) {
	c.lru.Remove(k) // Add would not tell that it replaces something
	c.lru.Add(k, weighed[V]{v, bytes})
	for c.bytes += bytes; c.bytes > c.most && c.lru.Len() > 1; {
		c.lru.RemoveOldest()
	}
}

// size returns how many values are remembered, and their bytes.
func (c *cache[K, V]) size() (entries int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len(), c.bytes
}
