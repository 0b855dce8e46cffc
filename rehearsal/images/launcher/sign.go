package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// Amazon S3's documentation, "Signature Calculations for the Authorization Header". The region has no meaning for
// stores of one's own; this one is everybody's default.
const region = "us-east-1"

// sign adds the headers of a signature of version 4.
func sign(request *http.Request, access, secret, sum string, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	day := stamp[:8]
	request.Header.Set("X-Amz-Date", stamp)
	request.Header.Set("X-Amz-Content-Sha256", sum)
	signed := "host;x-amz-content-sha256;x-amz-date"
	canonical := strings.Join([]string{
		request.Method,
		request.URL.EscapedPath(),
		request.URL.RawQuery,
		"host:" + request.URL.Host,
		"x-amz-content-sha256:" + sum,
		"x-amz-date:" + stamp,
		"",
		signed,
		sum,
	}, "\n")
	scope := fmt.Sprintf("%s/%s/s3/aws4_request", day, region)
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, "s3", "aws4_request", text} {
		digest := hmac.New(sha256.New, key)
		digest.Write([]byte(part))
		key = digest.Sum(nil)
	}
	request.Header.Set("Authorization", fmt.Sprintf(
		"AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", access, scope, signed, hex.EncodeToString(key)))
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// encode returns a query in the form that is signed: sorted, and with %20 for a blank.
func encode(query url.Values) string {
	var parts []string
	for name, values := range query {
		for _, value := range values {
			parts = append(parts, escape(name, false)+"="+escape(value, false))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, "&")
}

// escape writes all but letters, digits and -_.~ as %XX; slashes too, unless it is a path.
func escape(text string, path bool) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0, path && c == '/':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
