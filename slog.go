package headrace

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// SlogLogger returns a logger for the Logger field of a configuration that passes everything on to handler h, levels and fields
// included, for services that log with [log/slog]:
//
//	consumer.Config{Logger: headrace.SlogLogger(slog.Default().Handler())}
//
// The levels debug, info, warn and error are slog's. h decides which of them are enabled. It is safe for concurrent use when h is, as
// handlers are.
func SlogLogger(h slog.Handler) *zap.Logger { return zap.New(slogCore{h}) }

type slogCore struct{ handler slog.Handler }

func slogLevel(level zapcore.Level) slog.Level {
	switch level {
	case zapcore.DebugLevel:
		return slog.LevelDebug
	case zapcore.InfoLevel:
		return slog.LevelInfo
	case zapcore.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

func (c slogCore) Enabled(level zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), slogLevel(level))
}

func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.handler.WithAttrs(slogAttrs(fields))}
}

func (c slogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c slogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	record := slog.NewRecord(entry.Time, slogLevel(entry.Level), entry.Message, 0)
	record.AddAttrs(slogAttrs(fields)...)
	return c.handler.Handle(context.Background(), record)
}

func (c slogCore) Sync() error { return nil }

// slogAttrs keeps durations and times as what they are, and the order of the fields.
func slogAttrs(fields []zapcore.Field) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		switch f.Type {
		case zapcore.DurationType:
			attrs = append(attrs, slog.Duration(f.Key, time.Duration(f.Integer)))
			continue
		case zapcore.ErrorType:
			attrs = append(attrs, slog.Any(f.Key, f.Interface))
			continue
		default:
		}
		values := zapcore.NewMapObjectEncoder()
		f.AddTo(values)
		for key, value := range values.Fields {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	return attrs
}
