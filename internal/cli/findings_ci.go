package cli

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeAnnotations writes workflow commands of GitHub Actions, which show a finding at its line of a pull request
// ("Workflow commands for GitHub Actions", "Setting an error message").
func writeAnnotations(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		place := "file=" + annotationProperty(f.File)
		if f.Line > 0 {
			place += ",line=" + strconv.Itoa(f.Line) + ",col=" + strconv.Itoa(f.Column)
		}
		message := f.Message
		if f.Hint != "" {
			message += "\n" + f.Hint
		}
		if _, err := fmt.Fprintf(w, "::%s %s,title=%s::%s\n", f.Severity, place, annotationProperty(f.Rule), annotationText(message)); err != nil {
			return err
		}
	}
	return nil
}

// annotationText escapes what would end a workflow command early, or begin another one.
func annotationText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(printable(line), "%", "%25")
	}
	return strings.Join(lines, "%0A")
}

func annotationProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(annotationText(text))
}

// The parts of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a suite for each file and a case for each finding: a failure, or, for a warning, a case that passed and says so.
func writeJUnit(w io.Writer, command string, findings []Finding) error {
	report := junitSuites{Name: command}
	for _, f := range findings {
		if n := len(report.Suites); n == 0 || report.Suites[n-1].Name != f.File {
			report.Suites = append(report.Suites, junitSuite{Name: f.File})
		}
		suite := &report.Suites[len(report.Suites)-1]
		text := f.at() + ": " + f.Message
		if f.Hint != "" {
			text += "\n" + f.Hint
		}
		c := junitCase{Name: f.Rule, File: f.File, Line: f.Line}
		if f.Line > 0 {
			c.Name += fmt.Sprintf(" %d:%d", f.Line, f.Column)
		}
		if f.Severity == severityError {
			c.Failure = &junitFailure{Type: f.Rule, Message: f.Message, Text: text}
			suite.Failures++
			report.Failures++
		} else {
			c.Output = f.Severity + ": " + text
		}
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		report.Tests++
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
