package stats

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// service answers within what is published: nobody waits for Redis or for another service.
type service struct {
	pb.UnimplementedStatsServiceServer
	board *board
	// closing is closed when the server goes away.
	closing chan struct{}
}

// GetStats returns the latest statistics.
func (s *service) GetStats(context.Context, *pb.GetStatsRequest) (*pb.GetStatsResponse, error) {
	return &pb.GetStatsResponse{Stats: s.board.load().stats}, nil
}

// Diagnose returns what the doctor found when it last looked.
func (s *service) Diagnose(context.Context, *pb.DiagnoseRequest) (*pb.DiagnoseResponse, error) {
	return &pb.DiagnoseResponse{Diagnosis: s.board.load().diagnosis}, nil
}

// WatchStats sends the latest statistics at once and then at every interval, until the caller ends it.
func (s *service) WatchStats(in *pb.WatchStatsRequest, to grpc.ServerStreamingServer[pb.WatchStatsResponse]) error {
	every, err := interval(in)
	if err != nil {
		return err
	}
	for {
		p := s.board.load()
		if err := to.Send(&pb.WatchStatsResponse{Stats: p.stats}); err != nil {
			return err
		}
		if err := s.pause(to.Context(), every, nil); err != nil {
			return err
		}
		if every < sweepEvery {
			continue
		}
		// The next one is due any moment: who watches at this pace gets each one fresh, not each one a while old.
		if err := s.pause(to.Context(), sweepEvery, p.replaced); err != nil {
			return err
		}
	}
}

// interval is the time between two messages that a caller asks for.
func interval(in *pb.WatchStatsRequest) (time.Duration, error) {
	const least, most = 100 * time.Millisecond, time.Hour
	if in.GetInterval() == nil {
		return time.Second, nil
	}
	d := in.GetInterval().AsDuration()
	if d < least || d > most || !in.GetInterval().IsValid() {
		return 0, status.Errorf(codes.InvalidArgument, "interval: %v is not within %v..%v", d, least, most)
	}
	return d, nil
}

// pause waits for d, or less if enough is closed. Its error ends the stream: the caller has gone, or we go.
func (s *service) pause(ctx context.Context, d time.Duration, enough <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-enough:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-s.closing:
		return status.Error(codes.Unavailable, "stats is going away")
	}
}
