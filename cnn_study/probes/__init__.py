"""What can be measured on a run beside its errors, off unless the run's spec asks for it.

:mod:`~cnn_study.probes.training` names the probes that measure before training, after every epoch and at the end of the
run, on the first training images; :mod:`~cnn_study.probes.final` those that look at the trained network. Each is a pure
function: a network is after a measurement what it was before, to the bit, its running statistics and random streams
included.
"""
