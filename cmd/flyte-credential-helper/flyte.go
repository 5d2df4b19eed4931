package main

// flyteLevel is what Flyte's configuration says.
func (s *settings) flyteLevel(w world, levels []level, table []setting) (level, error) {
	return profile{}.level("Flyte's configuration", ""), nil
}
