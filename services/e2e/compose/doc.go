// Package compose tests docker-compose.yml for real: its images built, its stack up with several gateways and workers
// behind nginx, containers killed, and every event that was sent found in the stream, once. It needs Docker with
// Compose, so it has a build tag and a make target of its own, compose-test; `make e2e` runs that where Docker is.
package compose
