// Package maven fetches the servers and the Java client that the system tests run, from a Maven repository.
package maven

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/headrace/headrace/systemtest/internal/cache"
)

// fetchLimit bounds one Maven run on a slow line.
const fetchLimit = 5 * time.Minute

// artifact is one Maven coordinate.
type artifact struct{ Group, Name, Version, Type, Classifier string }

// KafkaJars returns the folder with every jar that a broker, the Java client and its tools need, in this Kafka version.
func KafkaJars(version string) (dir string, err error) {
	return fetch("kafka-"+version,
		artifact{Group: "org.apache.kafka", Name: "kafka_2.13", Version: version},
		artifact{Group: "org.apache.kafka", Name: "kafka-tools", Version: version},
		artifact{Group: "org.slf4j", Name: "slf4j-simple", Version: "1.7.36"},
	)
}

// SpringKafkaJars returns the folder with Spring for Apache Kafka, the Spring it stands on and the Java client it is made for: version 3.3,
// the last before Spring 7.
func SpringKafkaJars() (dir string, err error) {
	const version = "3.3.4"
	return fetch("spring-kafka-"+version,
		artifact{Group: "org.springframework.kafka", Name: "spring-kafka", Version: version},
		artifact{Group: "org.slf4j", Name: "slf4j-simple", Version: "1.7.36"},
	)
}

// ApicurioRegistry returns the folder of the unpacked registry: version 2.6, the last that runs on Java 17.
func ApicurioRegistry() (dir string, err error) {
	const version = "2.6.13.Final"
	archives, err := fetch("apicurio-archive-"+version,
		artifact{Group: "io.apicurio", Name: "apicurio-registry-app", Version: version, Type: "tar.gz", Classifier: "all"})
	if err != nil {
		return "", err
	}
	return cache.Dir("apicurio-"+version, func(dir string) error {
		archive := filepath.Join(archives, "apicurio-registry-app-"+version+"-all.tar.gz")
		return run(exec.Command("tar", "-xzf", archive, "-C", dir))
	})
}

func fetch(name string, artifacts ...artifact) (string, error) {
	return cache.Dir(name, func(dir string) error {
		mvn, err := exec.LookPath("mvn")
		if err != nil {
			return fmt.Errorf("system tests run real servers fetched by Maven: install Maven and Java 17 (Debian: maven, openjdk-17-jdk-headless): %w", err)
		}
		pom := filepath.Join(dir, "pom.xml")
		if err := writePOM(pom, artifacts); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
		defer cancel()
		err = run(exec.CommandContext(ctx, mvn, "-B", "-q", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory="+dir))
		return errors.Join(err, ctx.Err())
	})
}

var pomTemplate = template.Must(template.New("pom").Parse(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>headrace</groupId><artifactId>systemtest</artifactId><version>1</version>
  <dependencies>
  {{- range .}}
    <dependency>
      <groupId>{{.Group}}</groupId><artifactId>{{.Name}}</artifactId><version>{{.Version}}</version>
      {{- if .Type}}<type>{{.Type}}</type>{{end}}
      {{- if .Classifier}}<classifier>{{.Classifier}}</classifier>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>{{end}}
    </dependency>
  {{- end}}
  </dependencies>
</project>
`))

func writePOM(path string, artifacts []artifact) error {
	var text strings.Builder
	if err := pomTemplate.Execute(&text, artifacts); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

// run adds what the command printed to its error: Maven says what is wrong on standard output.
func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
