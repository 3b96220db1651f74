package telemetry

import (
	"errors"
	"fmt"
	"log/slog"
)

// Config is what a process says and how. The zero Config logs JSON from info up.
type Config struct {
	LogLevel  string `name:"log-level" enum:"debug,info,warn,error" default:"info" help:"Least severe log records shown: debug, info, warn or error."`
	LogFormat string `name:"log-format" enum:"text,json" default:"json" help:"How log records are written: text for people, json for machines."`
}

// Check returns all faults of the configuration at once, each with the name of its flag.
func (c Config) Check() error {
	var faults []error
	if _, err := c.level(); err != nil {
		faults = append(faults, err)
	}
	switch c.LogFormat {
	case "", "text", "json":
	default:
		faults = append(faults, fmt.Errorf("--log-format: %q is neither text nor json", c.LogFormat))
	}
	return errors.Join(faults...)
}

func (c Config) level() (slog.Level, error) {
	switch c.LogLevel {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return slog.LevelInfo, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", c.LogLevel)
}
