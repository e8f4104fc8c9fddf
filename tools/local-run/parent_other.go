//go:build !linux

package main

import "errors"

func dieWithParent() error { return errors.New("only Linux can do it") }
