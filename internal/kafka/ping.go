package kafka

import (
	"errors"
	"math"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pingMessage is an ApiVersions request, the one that every broker answers to everybody it lets in.
type pingMessage struct {
	kmsgMessage
}

func (m *pingMessage) key() int16    { return int16(kmsg.ApiVersions) }
func (m *pingMessage) newest() int16 { return math.MaxInt16 }

func (m *pingMessage) frame(version int16, correlation int32, clientID string) (net.Buffers, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = clientSoftware, clientVersion
	m.req = req
	return m.kmsgMessage.frame(version, correlation, clientID)
}

// check reports every API whose versions do not overlap with ours.
func (m *pingMessage) check(addr string) error {
	versions := versionsOf(m.resp.(*kmsg.ApiVersionsResponse))
	var errs []error
	for _, key := range required() {
		_, err := versions.choose(int16(key), addr)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
