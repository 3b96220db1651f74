package telemetry

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// What a report says about its sender: the attributes of OTLP's resource. The first four are OpenTelemetry's.
const (
	// ResourceService is the service's name: gateway, worker, stats.
	ResourceService = "service.name"
	// ResourceInstance is the instance's id.
	ResourceInstance = "service.instance.id"
	// ResourceVersion is the version of the build.
	ResourceVersion = "service.version"
	// ResourceStarted is when the process started, as RFC 3339 with nanoseconds.
	ResourceStarted = "process.creation.time"
	// ResourceDebugAddr is where the instance serves its debug calls, host:port. Absent: nowhere.
	ResourceDebugAddr = "millrace.debug_addr"
)

func newResource(i Instance, debugAddr string) *resource.Resource {
	attrs := []attribute.KeyValue{
		attribute.String(ResourceService, i.Service),
		attribute.String(ResourceInstance, i.ID),
		attribute.String(ResourceVersion, i.Version),
		attribute.String(ResourceStarted, i.Started.UTC().Format(time.RFC3339Nano)),
	}
	if debugAddr != "" {
		attrs = append(attrs, attribute.String(ResourceDebugAddr, debugAddr))
	}
	return resource.NewSchemaless(attrs...)
}
