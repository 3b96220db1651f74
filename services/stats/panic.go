package stats

import (
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recovering turns a panic in a call into its failure: one message must not end the process.
func recovering(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, to grpc.ServerStream, call *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
		defer recovered(log, call.FullMethod, &err)
		return handle(srv, to)
	}
}

func recovered(log *slog.Logger, method string, err *error) {
	if v := recover(); v != nil {
		log.Error("a call panicked", "method", method, "panic", v, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "a fault of stats; its log says more")
	}
}
