"""The statistics behind gates, rollouts, drift and retraining: pure functions of numbers (numpy, scipy.special).

No I/O, no clock, no scikit-learn: operator, trainer and server compute the same figures with the same code.
"""
