// The launcher starts a step of a pipeline in the user's own image: it fetches the step's input artifacts, runs the
// user's command line, uploads what that has made, and tells the engine how it went.
//
//	launcher --copy FILE                copies itself; an init container does that
//	launcher --job JSON -- COMMAND ...  runs a step
//
// It needs nothing of the image that it runs in: only Go's standard library, linked statically.
//
// What became of the step is one JSON object, written as the container's termination message (at most 4096 bytes,
// which the kubelet hands to the API) or, if it is longer, into the object store; then the message says where:
//
//	{"parameters": {name: text of its file}, "metadata": what the step wrote as its ExecutorOutput}
//	{"error": "exit status 1: last lines of the program's output"}
//	{"at": "minio://mlpipeline/..."}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	accessKey = "LAUNCHER_ACCESS_KEY"
	secretKey = "LAUNCHER_SECRET_KEY"
	// The kubelet cuts off what is longer than 4096 bytes.
	longestMessage = 4000
)

// A file is something that a step reads or writes.
type file struct {
	Name string `json:"name"`
	URI  string `json:"uri"`
	Path string `json:"path"`
}

// A job is what the engine wants done around the user's program.
type job struct {
	Endpoint   string `json:"endpoint"`   // of the object store
	Inputs     []file `json:"inputs"`     // artifacts to fetch
	Artifacts  []file `json:"artifacts"`  // artifacts to upload
	Parameters []file `json:"parameters"` // files with the texts of parameters
	Metadata   string `json:"metadata"`   // file with the ExecutorOutput, if the program writes one
	Result     string `json:"result"`     // where a long result goes
}

// A result is what the engine learns.
type result struct {
	Parameters map[string]string `json:"parameters,omitempty"`
	Metadata   json.RawMessage   `json:"metadata,omitempty"`
	Error      string            `json:"error,omitempty"`
	At         string            `json:"at,omitempty"`
}

// An executorOutput is as much of the message of that name as the launcher has to know.
type executorOutput struct {
	Artifacts map[string]struct {
		Artifacts []struct {
			URI string `json:"uri"`
		} `json:"artifacts"`
	} `json:"artifacts"`
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 2 && arguments[0] == "--copy":
		if err := copySelf(arguments[1]); err != nil {
			fmt.Fprintln(os.Stderr, "launcher:", err)
			os.Exit(1)
		}
	case len(arguments) >= 3 && arguments[0] == "--job" && arguments[2] == "--":
		os.Exit(launch(arguments[1], arguments[3:]))
	default:
		fmt.Fprintln(os.Stderr, "usage: launcher --copy FILE | launcher --job JSON -- COMMAND ...")
		os.Exit(2)
	}
}

// launch runs a step, and returns the exit code.
func launch(description string, command []string) int {
	messages := os.Getenv("LAUNCHER_MESSAGES")
	if messages == "" {
		messages = "/dev/termination-log"
	}
	obey()
	var j job
	err := json.Unmarshal([]byte(description), &j)
	objects := newStore(j.Endpoint, os.Getenv(accessKey), os.Getenv(secretKey))
	found := result{}
	code := 0
	if err == nil {
		found, err = run(j, objects, command)
	}
	if err != nil {
		code = 1
		var ended *exitError
		if errors.As(err, &ended) && ended.code > 0 {
			code = ended.code
		}
		fmt.Fprintln(os.Stderr, "launcher:", firstLine(err.Error()))
		found = result{Error: shorten(err.Error(), longestMessage/4)}
	}
	if err := tell(messages, found, j.Result, objects); err != nil {
		fmt.Fprintln(os.Stderr, "launcher: the result cannot be told:", err)
		return 1
	}
	return code
}

// run does the job, and returns what the step has made.
func run(j job, objects *store, command []string) (result, error) {
	if len(command) == 0 {
		return result{}, errors.New("command and arguments are empty")
	}
	for _, input := range j.Inputs {
		if err := objects.download(input.URI, input.Path); err != nil {
			return result{}, fmt.Errorf("failed to download input artifact %q from %s: %w", input.Name, input.URI, err)
		}
	}
	places := []string{j.Metadata}
	for _, output := range append(append([]file{}, j.Artifacts...), j.Parameters...) {
		places = append(places, output.Path)
	}
	for _, place := range places {
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return result{}, fmt.Errorf("failed to make the directory of an output: %w", err)
		}
	}
	if err := execute(command); err != nil {
		return result{}, err
	}
	return collect(j, objects)
}

// collect reads what a step has written, and uploads its artifacts.
func collect(j job, objects *store) (result, error) {
	found := result{Parameters: map[string]string{}}
	said := executorOutput{}
	switch content, err := os.ReadFile(j.Metadata); {
	case err == nil:
		if err := json.Unmarshal(content, &said); err != nil {
			return result{}, fmt.Errorf("failed to read the output metadata file %s: %w", j.Metadata, err)
		}
		found.Metadata = content
	case !errors.Is(err, fs.ErrNotExist):
		return result{}, fmt.Errorf("failed to read the output metadata file: %w", err)
	}
	for _, parameter := range j.Parameters {
		content, err := os.ReadFile(parameter.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the metadata may have it; the engine looks
		}
		if err != nil {
			return result{}, fmt.Errorf("failed to read output parameter %q: %w", parameter.Name, err)
		}
		found.Parameters[parameter.Name] = string(content)
	}
	for _, artifact := range j.Artifacts {
		if list := said.Artifacts[artifact.Name].Artifacts; len(list) > 0 && list[0].URI != "" && list[0].URI != artifact.URI {
			continue // the step has named a place of its own
		}
		err := objects.upload(artifact.Path, artifact.URI)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "launcher: the step has not made the artifact %q (%s)\n", artifact.Name, artifact.Path)
			continue // it is allowed to
		}
		if err != nil {
			return result{}, fmt.Errorf("failed to upload output artifact %q to %s: %w", artifact.Name, artifact.URI, err)
		}
	}
	return found, nil
}

// tell hands the result to the engine.
func tell(messages string, found result, uri string, objects *store) error {
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if len(text) > longestMessage {
		if err := objects.put(uri, text); err != nil {
			return err
		}
		if text, err = json.Marshal(result{At: uri}); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(messages, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = out.Write(text)
	return err
}

// copySelf copies this program.
func copySelf(target string) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(own)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
