package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// What brokers see in ApiVersions (KIP-511).
const (
	clientSoftware = "headrace"
	clientVersion  = "1"
)

// versionRange is the first and last version of an API somebody speaks.
type versionRange struct{ min, max int16 }

// apiVersions is what one broker offers, by API key.
type apiVersions map[int16]versionRange

// supported is what this package speaks of each API it uses. Upper ends are pinned where a newer version changes meaning:
// topic ids instead of names in Produce 13 and OffsetFetch 10. Fetch 13 has them too, and is spoken where the ids are known.
func supported(key int16) versionRange {
	switch kmsg.Key(key) {
	case kmsg.Produce:
		return versionRange{7, 12}
	case kmsg.Fetch:
		return versionRange{11, fetchByID}
	case kmsg.ListOffsets:
		return versionRange{4, 10}
	case kmsg.Metadata:
		return versionRange{7, 13}
	case kmsg.OffsetCommit:
		return versionRange{7, 9}
	case kmsg.OffsetFetch:
		return versionRange{7, 9}
	case kmsg.FindCoordinator:
		return versionRange{1, 6}
	case kmsg.JoinGroup:
		return versionRange{7, 9}
	case kmsg.Heartbeat:
		return versionRange{3, 4}
	case kmsg.LeaveGroup:
		return versionRange{3, 5}
	case kmsg.SyncGroup:
		return versionRange{5, 5}
	case kmsg.InitProducerID:
		return versionRange{3, 5}
	case kmsg.AddPartitionsToTxn:
		return versionRange{0, 3} // later ones are for brokers among themselves
	case kmsg.TxnOffsetCommit:
		return versionRange{3, 6} // a request names each topic by its name and its id, and from 6 on the id counts
	case kmsg.CreateTopics:
		return versionRange{2, 7}
	case kmsg.DeleteTopics:
		return versionRange{1, 6}
	case kmsg.DescribeConfigs:
		return versionRange{1, 4}
	case kmsg.ListGroups:
		return versionRange{0, 5}
	case kmsg.DescribeGroups:
		return versionRange{0, 6}
	case kmsg.ApiVersions:
		return versionRange{0, 5}
	case kmsg.SASLHandshake:
		return versionRange{1, 1}
	case kmsg.SASLAuthenticate:
		return versionRange{0, 2}
	}
	req := kmsg.RequestForKey(key)
	if req == nil {
		return versionRange{}
	}
	return versionRange{0, req.MaxVersion()}
}

// versionsOf keeps what is said of APIs that exist: a connection holds on to it.
func versionsOf(resp *kmsg.ApiVersionsResponse) apiVersions {
	versions := make(apiVersions, min(len(resp.ApiKeys), int(kmsg.MaxKey)+1))
	for _, k := range resp.ApiKeys {
		if k.ApiKey < 0 || k.ApiKey > kmsg.MaxKey {
			continue
		}
		versions[k.ApiKey] = versionRange{k.MinVersion, k.MaxVersion}
	}
	return versions
}

// required lists what Ping checks: everything a producer and a worker cannot do without.
func required() []kmsg.Key {
	return []kmsg.Key{
		kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetCommit, kmsg.OffsetFetch,
		kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.SyncGroup, kmsg.InitProducerID,
	}
}

// choose returns the newest version of an API both sides speak, or a *VersionError.
func (v apiVersions) choose(key int16, addr string) (int16, error) {
	own := supported(key)
	theirs, ok := v[key]
	if !ok {
		theirs = versionRange{-1, -1}
	}
	version := min(own.max, theirs.max)
	if version < own.min || version < theirs.min {
		return 0, &VersionError{
			API: requestName(key), Addr: addr,
			Min: own.min, Max: own.max, BrokerMin: theirs.min, BrokerMax: theirs.max,
		}
	}
	return version, nil
}
