package telemetry

import "context"

// Report reports the figures of a service until ctx ends, and then the last ones. It hands over the provider on which
// they are registered before it waits. It is the form in which a process has its reports as one of its parts.
func Report(ctx context.Context, c ProviderConfig, begun func(*Provider)) error {
	p, err := NewProvider(context.WithoutCancel(ctx), c)
	if err != nil {
		return err
	}
	begun(p)
	<-ctx.Done()
	return p.Shutdown(context.WithoutCancel(ctx))
}
