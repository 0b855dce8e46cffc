// Command kubelite is the five daemons of Kubernetes in one program; the name it is called by says which.
//
// Linked one by one they take 400 MB, nearly all of it the same code five times over. Together they take
// 170 MB, are linked once instead of five times, and share their pages in memory.
package main

import (
	goflag "flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// withGlobalFlags is what each of the single programs does before it parses its command line; the kubelet
// and the API server are the exceptions, they bring all their options along.
func withGlobalFlags(command *cobra.Command) *cobra.Command {
	pflag.CommandLine.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	pflag.CommandLine.AddGoFlagSet(goflag.CommandLine)
	return command
}

func main() {
	rand.Seed(time.Now().UnixNano())

	var command *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = withGlobalFlags(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		command = withGlobalFlags(scheduler.NewSchedulerCommand())
	case "kube-proxy":
		command = withGlobalFlags(proxy.NewProxyCommand())
	case "kubelet":
		command = kubelet.NewKubeletCommand()
	default:
		fmt.Fprintf(os.Stderr, "%s: call me as kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy or kubelet\n", name)
		os.Exit(2)
	}

	logs.InitLogs()
	defer logs.FlushLogs()
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}
