package stats

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// askFirst registers services so that the gate is asked before a message is received. gRPC receives the message of an
// ordinary call whole before any interceptor runs, so whoever may not call could have it hold as much as a message may
// have, for each call, as long as it likes. Of a stream nothing is received before its handler asks for it; on the wire
// an ordinary call is a stream of one message.
//
// (grpc.InTapHandle asks as early. But gRPC never ends the context of a call that it refuses, and one whose time limit
// is far away then stays in memory until that.)
type askFirst struct{ *grpc.Server }

// RegisterService implements grpc.ServiceRegistrar.
func (a askFirst) RegisterService(of *grpc.ServiceDesc, impl any) {
	streams := *of
	streams.Methods, streams.Streams = nil, append([]grpc.StreamDesc(nil), of.Streams...)
	for _, m := range of.Methods {
		streams.Streams = append(streams.Streams, grpc.StreamDesc{
			StreamName: m.MethodName, Handler: asStream(m),
			ServerStreams: true, // of what streams in neither direction gRPC asks no interceptor
		})
	}
	a.Server.RegisterService(&streams, impl)
}

// asStream receives the one message, and sends the one answer.
func asStream(m grpc.MethodDesc) grpc.StreamHandler {
	return func(srv any, to grpc.ServerStream) error {
		answer, err := m.Handler(srv, to.Context(), to.RecvMsg, nil)
		if err != nil {
			return err
		}
		return to.SendMsg(answer)
	}
}

// notAsked refuses the call of a service that was registered in another way: the gate knows nothing of it.
func notAsked(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
	return nil, status.Error(codes.Internal, "a fault of stats: nobody is asked who may call this")
}
