"""Where examples come from: a generated language, real English, digit scenes."""
