package devserver

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// fromOwnMachine refuses what a web page can have a browser send to the registry. A page of any site may send requests to a port of this
// machine, and by a host name of its own that it points to 127.0.0.1 (DNS rebinding) read the answers too. Programs send none of the
// headers that give a browser away, and a Host that is this machine's. listen is the address that the registry listens on.
func fromOwnMachine(listen string, next http.Handler) http.Handler {
	own, _, err := net.SplitHostPort(listen)
	if err != nil {
		own = ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch reason, status := foreign(req, own); {
		case reason != "":
			send(w, fail(status, status, reason))
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// foreign says why a request may come from a web page; "" when it cannot.
func foreign(req *http.Request, own string) (reason string, status int) {
	host, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		host = strings.Trim(req.Host, "[]")
	}
	if !isLoopback(host) && host != own {
		return "the development registry answers for localhost only: use http://localhost or http://127.0.0.1 with its port", http.StatusForbidden
	}
	const page = "a web page has sent this: the development registry answers programs only"
	if origin := req.Header.Get("Origin"); origin != "" && origin != "http://"+req.Host {
		return page, http.StatusForbidden
	}
	// "none" is an address that somebody has typed.
	if site := req.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return page, http.StatusForbidden
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return "", 0
	case http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		return "the registry API has no method " + fmt.Sprintf("%.20q", req.Method), http.StatusMethodNotAllowed
	}
	// A form and a script without leave can send text/plain and its like, or no type at all.
	if (req.Method != http.MethodDelete || req.ContentLength != 0) && !isJSON(req.Header.Get("Content-Type")) {
		return "the body must be JSON and say so: Content-Type: application/vnd.schemaregistry.v1+json", http.StatusUnsupportedMediaType
	}
	return "", 0
}

// isLoopback reports whether a Host header names this machine by itself, which no name server can change.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// isJSON reports whether a content type is one that registry clients send.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "application/octet-stream" ||
		strings.HasPrefix(media, "application/vnd.schemaregistry") && strings.HasSuffix(media, "+json"))
}
