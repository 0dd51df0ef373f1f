"""Replays history under a RetrainPolicy and under controls, so that a policy is proved before it is enabled."""
