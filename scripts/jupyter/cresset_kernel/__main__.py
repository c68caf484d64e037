"""What Jupyter starts: python3 -m cresset_kernel -f CONNECTION_FILE."""

from ipykernel.kernelapp import IPKernelApp

from .kernel import CressetKernel

IPKernelApp.launch_instance(kernel_class=CressetKernel)
