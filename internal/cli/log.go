package cli

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger writes the warnings of the packages below to standard error, in the plain form of a terminal.
func (a *app) logger() *zap.Logger {
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		MessageKey:       "message",
		LevelKey:         "level",
		EncodeLevel:      zapcore.LowercaseLevelEncoder,
		EncodeDuration:   zapcore.StringDurationEncoder,
		ConsoleSeparator: ": ",
	})
	return zap.New(zapcore.NewCore(encoder, zapcore.AddSync(a.Stderr), zapcore.WarnLevel))
}
