package plan

// applyOverlay is written in overlay.go below.
func (c *compiler) applyOverlay(f *folder) *folder { return f }
