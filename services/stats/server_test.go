package stats

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// reflector asks a server what it can do, as grpcurl does.
type reflector struct {
	t    *testing.T
	call reflectionpb.ServerReflection_ServerReflectionInfoClient
}

func (r reflector) ask(in *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
	r.t.Helper()
	if err := r.call.Send(in); err != nil {
		r.t.Fatal(err)
	}
	out, err := r.call.Recv()
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r reflector) services() []string {
	out := r.ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, s := range out.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// method is a method of a service as the server describes it: nothing that is compiled in is used.
func (r reflector) method(service, method protoreflect.Name) protoreflect.MethodDescriptor {
	r.t.Helper()
	symbol := "millrace.v1." + string(service)
	out := r.ask(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol},
	})
	set := &descriptorpb.FileDescriptorSet{}
	for _, b := range out.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(b, file); err != nil {
			r.t.Fatal(err)
		}
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		r.t.Fatal(err)
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(symbol))
	if err != nil {
		r.t.Fatal(err)
	}
	return found.(protoreflect.ServiceDescriptor).Methods().ByName(method)
}

func TestReflectionListsAndCalls(t *testing.T) {
	s := serve(t, "")
	s.feed.apply(time.Now(), gateway("gateway-1", time.Now(), 3, 4))
	newPublisher(s.feed, s.board, "")
	conn := dial(t, s.addr)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	call, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := reflector{t, call}
	names := r.services()
	for _, want := range []string{
		"millrace.v1.StatsService", "grpc.health.v1.Health", "opentelemetry.proto.collector.metrics.v1.MetricsService",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	get := r.method("StatsService", "GetStats")
	in, out := dynamicpb.NewMessage(get.Input()), dynamicpb.NewMessage(get.Output())
	if err := conn.Invoke(ctx, "/millrace.v1.StatsService/GetStats", in, out); err != nil {
		t.Fatal(err)
	}
	stats := out.Get(get.Output().Fields().ByName("stats")).Message()
	instances := stats.Get(stats.Descriptor().Fields().ByName("instances")).List()
	if instances.Len() != 1 {
		t.Errorf("answer %v", out)
	}
}

func TestHealth(t *testing.T) {
	s := serve(t, "")
	client := healthpb.NewHealthClient(dial(t, s.addr))
	for _, c := range []struct {
		ready   bool
		service string
		want    healthpb.HealthCheckResponse_ServingStatus
	}{
		{false, "", healthpb.HealthCheckResponse_SERVING},
		{false, "millrace.v1.StatsService", healthpb.HealthCheckResponse_NOT_SERVING},
		{true, "millrace.v1.StatsService", healthpb.HealthCheckResponse_SERVING},
	} {
		s.healthy(c.ready)
		got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: c.service})
		if err != nil || got.GetStatus() != c.want {
			t.Errorf("%q is %v (%v), want %v", c.service, got.GetStatus(), err, c.want)
		}
	}
}

func TestWatchStatsSendsAtOnceAndThenEachInterval(t *testing.T) {
	s := serve(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := pb.NewStatsServiceClient(dial(t, s.addr)).WatchStats(ctx, &pb.WatchStatsRequest{Interval: durationpb.New(100 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for i := range 4 { // nothing new is published: it is said all the same
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); i == 0 && took > 5*time.Second {
			t.Errorf("the first message took %v", took)
		}
	}
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("four messages within %v", took)
	}
	cancel()
	for err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Canceled {
		t.Errorf("the caller has left: %v", err)
	}
}

func TestWhoWatchesEachSecondGetsWhatIsNew(t *testing.T) {
	s := serve(t, "")
	watch, err := pb.NewStatsServiceClient(dial(t, s.addr)).WatchStats(t.Context(), &pb.WatchStatsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	second := make(chan *pb.Stats, 1)
	go func() {
		answer, _ := watch.Recv()
		second <- answer.GetStats()
	}()
	time.AfterFunc(1200*time.Millisecond, func() {
		s.board.publish(&pb.Stats{Missing: proto.Int64(42)}, nil)
	})
	if got := <-second; got.GetMissing() != 42 {
		t.Errorf("got %v, not what was published after a second", got)
	}
}

func TestIntervalsThatAreRefused(t *testing.T) {
	s := serve(t, "")
	client := pb.NewStatsServiceClient(dial(t, s.addr))
	for _, d := range []time.Duration{-time.Second, 0, 99 * time.Millisecond, time.Hour + 1} {
		watch, err := client.WatchStats(t.Context(), &pb.WatchStatsRequest{Interval: durationpb.New(d)})
		if err == nil {
			_, err = watch.Recv()
		}
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("interval %v: %v", d, err)
		}
	}
}

func TestAServerThatGoesAwayEndsItsStreams(t *testing.T) {
	s := serve(t, "")
	watch, err := pb.NewStatsServiceClient(dial(t, s.addr)).WatchStats(t.Context(), &pb.WatchStatsRequest{Interval: durationpb.New(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.stop()
	if took := time.Since(begin); took > finishFor {
		t.Errorf("it took %v to stop", took)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v", err)
	}
}
