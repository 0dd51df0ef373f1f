"""Pure decisions: snapshot in, verdict (reason, message, next check) out. The clock is passed in."""
