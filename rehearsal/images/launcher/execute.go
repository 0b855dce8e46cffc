package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Of a program's output so much is kept, for the message about its failure.
const keptOutput = 2000

// An exitError says how the user's program has failed.
type exitError struct {
	code   int
	reason string
	output string
}

func (e *exitError) Error() string {
	if e.output == "" {
		return e.reason
	}
	return e.reason + ": " + e.output
}

// A tail passes on what is written to it, and keeps the end.
type tail struct {
	mutex sync.Mutex
	kept  []byte
	to    io.Writer
}

func (t *tail) Write(data []byte) (int, error) {
	t.mutex.Lock()
	t.kept = append(t.kept, data...)
	if len(t.kept) > keptOutput {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-keptOutput:]...)
	}
	t.mutex.Unlock()
	return t.to.Write(data)
}

func (t *tail) text() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
}

// running holds the user's program, once it has been started.
var running atomic.Value

// obey passes signals on to the user's program. Process 1 would not be ended by them otherwise.
func obey() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for received := range signals {
			if program, ok := running.Load().(*os.Process); ok {
				_ = program.Signal(received)
			} else {
				os.Exit(143)
			}
		}
	}()
}

// execute runs the user's program to its end.
func execute(command []string) error {
	program := exec.Command(command[0], command[1:]...)
	program.Stdin = os.Stdin
	program.Env = environment()
	stdout, stderr := &tail{to: os.Stdout}, &tail{to: os.Stderr}
	var streams sync.WaitGroup
	outEnd, err := pipe(stdout, &streams)
	if err != nil {
		return err
	}
	errEnd, err := pipe(stderr, &streams)
	if err != nil {
		outEnd.Close()
		return err
	}
	program.Stdout, program.Stderr = outEnd, errEnd
	err = program.Start()
	outEnd.Close()
	errEnd.Close()
	if err != nil {
		return err
	}
	running.Store(program.Process)
	err = program.Wait()
	settle(&streams)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		output := stderr.text()
		if output == "" {
			output = stdout.text()
		}
		return &exitError{code: ended.ExitCode(), reason: ended.Error(), output: output}
	}
	return err
}

// environment is what the user's program sees: the keys are none of its business.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, accessKey+"=") && !strings.HasPrefix(variable, secretKey+"=") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// pipe returns a file that the program can write to; what it writes reaches the writer.
func pipe(to io.Writer, streams *sync.WaitGroup) (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("failed to make a pipe: %w", err)
	}
	streams.Add(1)
	go func() {
		defer streams.Done()
		defer reader.Close()
		_, _ = io.Copy(to, reader)
	}()
	return writer, nil
}

// settle waits until all output has come through, but not for what the program has left running.
func settle(streams *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		streams.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}

// shorten returns the end of a text, which must not be longer than so many bytes.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return "... " + strings.ToValidUTF8(text[len(text)-limit:], "")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
