package expression

// Synonyms are the functions of other languages that have a remedy.
var Synonyms = synonyms
