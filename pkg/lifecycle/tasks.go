package lifecycle

import "time"

// State is where an actor is in its life.
type State string

// The states, in the order in which they are entered.
const (
	Waiting  State = "waiting"  // for those before it to be ready
	Starting State = "starting" // runs, not ready yet
	Running  State = "running"
	Stopping State = "stopping" // was asked to end
	GivenUp  State = "given_up" // did not end within its grace; its goroutine still runs
	Done     State = "done"
	Failed   State = "failed" // ended with an error
)

// Task is one actor as it is now.
type Task struct {
	Name  string    `json:"name"`
	State State     `json:"state"`
	Since time.Time `json:"since"` // when it entered the state
}

// Tasks returns the actors in the order of Add. It may be called at any time.
func (g *Group) Tasks() []Task {
	g.mu.Lock()
	defer g.mu.Unlock()
	tasks := make([]Task, len(g.actors))
	for i, a := range g.actors {
		tasks[i] = Task{Name: a.name, State: a.state, Since: a.since}
	}
	return tasks
}
