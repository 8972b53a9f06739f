package value

// ProbesPerKey returns how many slots of an object's index are looked at on
// average to find one of its keys, 0 if it has no index.
func ProbesPerKey(object *Node) float64 {
	if object.index == nil {
		return 0
	}
	slots := object.index.slots
	probes := 0
	for i, s := range slots {
		if s.node != nil {
			probes += (i-int(s.hash))&(len(slots)-1) + 1
		}
	}
	return float64(probes) / float64(object.count)
}
