package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// So often a request is made when the store does not answer or says that it is its fault: the store's pod may be
// starting again just now, which takes a while on a busy machine. With the pauses that is three minutes.
const attempts = 16

// A store is an object store with S3's protocol; buckets are in the path.
type store struct {
	endpoint string
	access   string
	secret   string
	client   *http.Client
	pause    time.Duration
}

func newStore(endpoint, access, secret string) *store {
	client := &http.Client{Timeout: 10 * time.Minute}
	return &store{strings.TrimRight(endpoint, "/"), access, secret, client, time.Second}
}

// A body is what is sent; it can be read more than once.
type body interface {
	open() (io.ReadCloser, error)
	size() int64
	sum() (string, error)
}

type text []byte

func (t text) open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(t)), nil }
func (t text) size() int64                  { return int64(len(t)) }
func (t text) sum() (string, error)         { return hash(t), nil }

type content struct {
	path   string
	length int64
}

func (c content) open() (io.ReadCloser, error) { return os.Open(c.path) }
func (c content) size() int64                  { return c.length }

func (c content) sum() (string, error) {
	in, err := os.Open(c.path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// split returns bucket and key of a URI such as minio://bucket/key.
func split(uri string) (string, string, error) {
	scheme, rest, found := strings.Cut(uri, "://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !found || bucket == "" || key == "" || (scheme != "minio" && scheme != "s3") {
		return "", "", fmt.Errorf("%q is no place in the object store", uri)
	}
	return bucket, key, nil
}

// download fetches an object, or all objects below it as a directory. That there is none is no error, as upstream:
// a step need not make its artifacts.
func (s *store) download(uri, path string) error {
	bucket, key, err := split(uri)
	if err != nil {
		return err
	}
	keys, err := s.list(bucket, key)
	if err != nil {
		return err
	}
	for _, found := range keys {
		target := path
		if found != key {
			below := strings.TrimPrefix(found, key+"/")
			if below == found || below == "" || strings.HasSuffix(below, "/") {
				continue
			}
			target = filepath.Join(path, below)
			if !strings.HasPrefix(target, filepath.Clean(path)+"/") {
				return fmt.Errorf("the object %q would lie outside of the artifact", found)
			}
		}
		if err := s.fetch(bucket, found, target); err != nil {
			return err
		}
	}
	return nil
}

// upload stores a file, or a directory with all that is in it. It returns fs.ErrNotExist if there is neither.
func (s *store) upload(path, uri string) error {
	bucket, key, err := split(uri)
	if err != nil {
		return err
	}
	return filepath.Walk(path, func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(name); err != nil {
				return err
			}
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		target := key
		if below, err := filepath.Rel(path, name); err != nil {
			return err
		} else if below != "." {
			target = key + "/" + filepath.ToSlash(below)
		}
		response, err := s.request(http.MethodPut, bucket, target, nil, content{name, info.Size()})
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
}

// put stores a text.
func (s *store) put(uri string, data []byte) error {
	bucket, key, err := split(uri)
	if err != nil {
		return err
	}
	response, err := s.request(http.MethodPut, bucket, key, nil, text(data))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// fetch writes one object into a file, from the beginning again when the store goes away in the middle of it.
func (s *store) fetch(bucket, key, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return s.again(func() (bool, error) {
		response, err := s.request(http.MethodGet, bucket, key, nil, text(nil))
		if err != nil {
			return false, err
		}
		defer response.Body.Close()
		out, err := os.Create(path)
		if err != nil {
			return false, err
		}
		if _, err := io.Copy(out, response.Body); err != nil {
			out.Close()
			var ours *fs.PathError
			return !errors.As(err, &ours), err
		}
		return false, out.Close()
	})
}

type listing struct {
	Contents []struct {
		Key string `xml:"Key"`
	} `xml:"Contents"`
	IsTruncated           bool   `xml:"IsTruncated"`
	NextContinuationToken string `xml:"NextContinuationToken"`
}

// list returns all keys that begin so.
func (s *store) list(bucket, prefix string) ([]string, error) {
	var keys []string
	query := url.Values{"list-type": {"2"}, "prefix": {prefix}}
	for {
		var page listing
		err := s.again(func() (bool, error) {
			response, err := s.request(http.MethodGet, bucket, "", query, text(nil))
			if err != nil {
				return false, err
			}
			defer response.Body.Close()
			content, err := io.ReadAll(response.Body)
			if err != nil {
				return true, err
			}
			page = listing{}
			if err := xml.Unmarshal(content, &page); err != nil {
				return false, fmt.Errorf("the object store's list is not understood: %w", err)
			}
			return false, nil
		})
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			keys = append(keys, object.Key)
		}
		if !page.IsTruncated || page.NextContinuationToken == "" {
			return keys, nil
		}
		query.Set("continuation-token", page.NextContinuationToken)
	}
}

// again calls a function until it has succeeded, says that another try would not help, or has been called often enough.
func (s *store) again(try func() (bool, error)) error {
	pause := s.pause
	for attempt := 1; ; attempt++ {
		helps, err := try()
		if err == nil || !helps || attempt == attempts {
			return err
		}
		fmt.Fprintln(os.Stderr, "launcher: trying again:", firstLine(err.Error()))
		time.Sleep(pause)
		if pause *= 2; pause > 15*time.Second {
			pause = 15 * time.Second
		}
	}
}

// request makes a signed request, again while that may help. Whoever gets a response closes its body.
func (s *store) request(method, bucket, key string, query url.Values, b body) (*http.Response, error) {
	if s.access == "" || s.secret == "" {
		return nil, errors.New("there are no keys for the object store: is the Secret mlpipeline-minio-artifact in the namespace?")
	}
	sum, err := b.sum()
	if err != nil {
		return nil, err
	}
	var response *http.Response
	err = s.again(func() (bool, error) {
		var err error
		if response, err = s.try(method, bucket, key, query, b, sum); err != nil {
			return true, err
		}
		if response.StatusCode < 300 {
			return false, nil
		}
		said, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		response.Body.Close()
		err = fmt.Errorf("the object store answers %s to %s /%s/%s: %s", response.Status, method, bucket, key, said)
		return response.StatusCode >= 500, err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

func (s *store) try(method, bucket, key string, query url.Values, b body, sum string) (*http.Response, error) {
	in, err := b.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	path := "/" + bucket
	if key != "" {
		path += "/" + key
	}
	request, err := http.NewRequest(method, s.endpoint, nil)
	if err != nil {
		return nil, err
	}
	request.URL.Path, request.URL.RawPath, request.URL.RawQuery = path, escape(path, true), encode(query)
	if b.size() > 0 {
		request.Body, request.ContentLength = in, b.size()
	}
	sign(request, s.access, s.secret, sum, time.Now())
	return s.client.Do(request)
}
