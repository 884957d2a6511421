package maven

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// oldestJava is what Kafka 4 brokers need.
const oldestJava = 17

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// Java returns the path of a tool of a JDK 17 or newer ("java", "javac"): from JAVA_HOME when that is set, else from PATH.
func Java(tool string) (string, error) {
	path := filepath.Join(os.Getenv("JAVA_HOME"), "bin", tool)
	if os.Getenv("JAVA_HOME") == "" {
		found, err := exec.LookPath(tool)
		if err != nil {
			return "", fmt.Errorf("system tests need a JDK %d or newer (Debian: openjdk-17-jdk-headless); set JAVA_HOME or PATH: %w", oldestJava, err)
		}
		path = found
	}
	return path, checkVersion(filepath.Join(filepath.Dir(path), "java"))
}

func checkVersion(java string) error {
	out, err := exec.Command(java, "-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s -version: %w\n%s", java, err, out)
	}
	match := javaVersion.FindSubmatch(out)
	if match == nil {
		return fmt.Errorf("%s -version names no version:\n%s", java, out)
	}
	if major, err := strconv.Atoi(string(match[1])); err != nil || major < oldestJava {
		return fmt.Errorf("%s is Java %s, system tests need %d or newer: set JAVA_HOME", java, match[1], oldestJava)
	}
	return nil
}
