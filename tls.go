package headrace

// TLS configures encrypted connections. The zero value verifies brokers against the system's certificate authorities.
// TLS 1.2 is the oldest version spoken.
//
// Files are read again when they change on disk, so a certificate can be rotated under a running process; a file that
// is caught half-written keeps the previous certificate in use.
type TLS struct {
	// CAFile is a PEM file of the authorities that sign the brokers' certificates. Empty means the system's.
	CAFile string

	// CertFile and KeyFile are PEM files of the client's certificate and private key (mutual TLS). Both or neither.
	CertFile string
	KeyFile  string

	// ServerName is the name every broker's certificate must carry. Empty means each broker's own host name, which
	// is right unless brokers are reached through a proxy.
	ServerName string

	// InsecureSkipVerify accepts any certificate: anybody on the path can then read and change events. For local
	// experiments only.
	InsecureSkipVerify bool
}
