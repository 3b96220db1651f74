package probe

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/wire"
)

// lookAtStats is whether stats answers with a diagnosis.
func lookAtStats(ctx context.Context, c Config) doctor.Probe {
	start := time.Now()
	_, err := askStats(ctx, c)
	return doctor.Reached(c.Stats, time.Since(start), err)
}

// askStats asks stats what the doctor found there.
func askStats(ctx context.Context, c Config) (_ doctor.Diagnosis, err error) {
	conn, err := grpc.NewClient(c.Stats, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return doctor.Diagnosis{}, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if c.InternalKey != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.InternalKey)
	}
	answer, err := pb.NewStatsServiceClient(conn).Diagnose(ctx, &pb.DiagnoseRequest{})
	if err != nil {
		return doctor.Diagnosis{}, err
	}
	return wire.FromProto(answer.GetDiagnosis()), nil
}
