package simulator

// associations says which records are tied to which.
type associations struct{}

func newAssociations() *associations { return &associations{} }
