package kafka

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What a broker may ask for. Kafka stores no credentials outside 4,096 to 16,384 iterations (KIP-84, KIP-554), and its
// own client refuses fewer, as we do: few iterations are what somebody between would ask for to guess the password from
// the proof. The upper end leaves room for others' servers and takes a fraction of a second; the protocol's own is
// 2^31-1, an hour of a core.
const (
	scramLeastIterations = 4096
	scramMostIterations  = 1 << 18
	scramMostBytes       = 4096 // of one message; real ones have about 100
)

// scramChallenge is the server's first message.
type scramChallenge struct {
	nonce      string
	salt       string
	iterations int
}

// parseSCRAMChallenge reads r=nonce,s=salt,i=iterations and ignores extensions behind it (RFC 5802 section 7). The nonce
// has to begin with ours.
func parseSCRAMChallenge(message, ours string) (scramChallenge, error) {
	if len(message) > scramMostBytes {
		return scramChallenge{}, fmt.Errorf("the broker sent a challenge of %d bytes", len(message))
	}
	if reason, ok := strings.CutPrefix(message, "e="); ok {
		return scramChallenge{}, fmt.Errorf("the broker refused the credentials: %q", clip(reason))
	}
	fields := strings.SplitN(message, ",", 4)
	if len(fields) < 3 || !strings.HasPrefix(fields[0], "r=") || !strings.HasPrefix(fields[1], "s=") || !strings.HasPrefix(fields[2], "i=") {
		return scramChallenge{}, fmt.Errorf("the broker sent %q, which is no challenge", clip(message))
	}
	c := scramChallenge{nonce: fields[0][2:]}
	if len(c.nonce) <= len(ours) || !strings.HasPrefix(c.nonce, ours) {
		return scramChallenge{}, errors.New("the broker's nonce does not continue ours")
	}
	salt, err := base64.StdEncoding.DecodeString(fields[1][2:])
	if err != nil || len(salt) == 0 {
		return scramChallenge{}, errors.New("the broker sent no salt")
	}
	c.salt = string(salt)
	c.iterations, err = strconv.Atoi(fields[2][2:])
	if err != nil || c.iterations < scramLeastIterations || c.iterations > scramMostIterations {
		return scramChallenge{}, fmt.Errorf("the broker asks for %q iterations, and %d to %d are accepted",
			clip(fields[2][2:]), scramLeastIterations, scramMostIterations)
	}
	return c, nil
}
