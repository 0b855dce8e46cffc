"""The programs in the pods of the rehearsal's addons.

Each watches the API and writes the configuration of a program that does the work, or does the little work
there is by itself. Only the standard library is used: the generated Kubernetes client takes 70 MB and seven
seconds of an emulated machine to import, and there are five such pods.
"""
