package registry

import (
	"strings"
	"testing"
)

// A list of URLs, as other clients take it, is named as that. Its passwords are not.
func TestListOfRegistriesIsNamed(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"http://a:8081,http://b:8081", "https://u:secret@a,https://u:secret@b", "http://a,b"} {
		_, err := New(list)
		if err == nil || !strings.Contains(err.Error(), "is a list: give one URL") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", list, err)
		}
	}
	one, err := New("https://user:pass,word@registry:8081/a,b")
	if err != nil {
		t.Fatal(err)
	}
	one.Close()
}
