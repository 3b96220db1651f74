package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"millrace.dev/services/e2e/proc"
	"millrace.dev/services/e2e/stack"
)

// A client that knows nothing but the address, as grpcurl, lists the services and calls them.
func TestReflectionClient(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	stats := s.Stats()
	gateway, worker := s.Gateway(), s.Worker()
	gateway.AwaitReady()
	worker.AwaitReady()
	if status, _ := post(t, gateway, "application/json", stack.Events("rpc", 1, 9)); status != 202 {
		t.Fatalf("status %d", status)
	}
	s.AwaitProcessed(9)

	ctx, cancel := context.WithTimeout(t.Context(), proc.Patience)
	defer cancel()
	c := reflect(ctx, t, stats.Addr("grpc"))
	if !slices.Contains(c.services, "millrace.v1.StatsService") || !slices.Contains(c.services, "grpc.health.v1.Health") {
		t.Fatalf("the server lists %v", c.services)
	}
	stack.Await(t, "GetStats tells of 9 events", func() (string, bool) {
		answer := c.call(ctx, t, "millrace.v1.StatsService", "GetStats")
		return answer.String(), path(answer, "stats", "totals", "accepted").Uint() == 9 && path(answer, "stats", "totals", "processed").Uint() == 9
	})
	if n := c.watch(ctx, t, "millrace.v1.StatsService", "WatchStats", 3); n != 3 {
		t.Errorf("WatchStats sent %d messages", n)
	}
	answer := c.call(ctx, t, "millrace.v1.StatsService", "Diagnose")
	if path(answer, "diagnosis", "rules").Uint() == 0 {
		t.Errorf("Diagnose says %v", answer)
	}
}

// The health service follows Redis.
func TestGRPCHealth(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	stats := s.Stats()
	conn := dial(t, stats.Addr("grpc"))
	client := health.NewHealthClient(conn)
	await := func(want health.HealthCheckResponse_ServingStatus) {
		t.Helper()
		stack.Await(t, "health says "+want.String(), func() (health.HealthCheckResponse_ServingStatus, bool) {
			answer, err := client.Check(t.Context(), &health.HealthCheckRequest{Service: "millrace.v1.StatsService"})
			if err != nil {
				t.Fatal(err)
			}
			return answer.GetStatus(), answer.GetStatus() == want
		})
	}
	await(health.HealthCheckResponse_SERVING)
	s.Redis.Stop()
	await(health.HealthCheckResponse_NOT_SERVING)
	s.Redis.Start()
	await(health.HealthCheckResponse_SERVING)
}

func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// reflected is a connection and what the server says of itself.
type reflected struct {
	conn     *grpc.ClientConn
	services []string
	files    *protoregistry.Files
}

// reflect asks a server for its services and for the files that describe them.
func reflect(ctx context.Context, t *testing.T, addr string) *reflected {
	t.Helper()
	c := &reflected{conn: dial(t, addr)}
	asking, err := reflection.NewServerReflectionClient(c.conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *reflection.ServerReflectionRequest) *reflection.ServerReflectionResponse {
		if err := asking.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := asking.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	list := ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}})
	set := &descriptorpb.FileDescriptorSet{}
	known := map[string]bool{}
	for _, service := range list.GetListServicesResponse().GetService() {
		c.services = append(c.services, service.GetName())
		described := ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service.GetName()}})
		for _, raw := range described.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(raw, file); err != nil {
				t.Fatal(err)
			}
			if !known[file.GetName()] {
				known[file.GetName()] = true
				set.File = append(set.File, file)
			}
		}
	}
	if err := asking.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if c.files, err = protodesc.NewFiles(set); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *reflected) method(t *testing.T, service, method string) protoreflect.MethodDescriptor {
	t.Helper()
	found, err := c.files.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		t.Fatal(err)
	}
	return found.(protoreflect.MethodDescriptor)
}

// call calls a method with an empty request.
func (c *reflected) call(ctx context.Context, t *testing.T, service, name string) *dynamicpb.Message {
	t.Helper()
	method := c.method(t, service, name)
	answer := dynamicpb.NewMessage(method.Output())
	if err := c.conn.Invoke(ctx, "/"+service+"/"+name, dynamicpb.NewMessage(method.Input()), answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// watch calls a streaming method and counts messages, up to most.
func (c *reflected) watch(ctx context.Context, t *testing.T, service, name string, most int) int {
	t.Helper()
	method := c.method(t, service, name)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+service+"/"+name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(dynamicpb.NewMessage(method.Input())); err != nil {
		t.Fatal(err)
	}
	for n := range most {
		answer := dynamicpb.NewMessage(method.Output())
		if err := s.RecvMsg(answer); err != nil {
			t.Errorf("message %d: %v", n+1, err)
			return n
		}
		if !path(answer, "stats", "totals", "accepted").IsValid() {
			t.Errorf("message %d: %v", n+1, answer)
		}
	}
	return most
}

// path is a field of a field of a message.
func path(m protoreflect.ProtoMessage, names ...string) protoreflect.Value {
	value := protoreflect.ValueOfMessage(m.ProtoReflect())
	for _, name := range names {
		message := value.Message()
		value = message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(name)))
	}
	return value
}
