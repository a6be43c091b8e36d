//go:build never

// Package judge names what is built from this module: go.mod pins it, nothing here is compiled.
package judge

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
