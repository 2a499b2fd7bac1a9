"""As much of Colab's own module as notebooks notice: it is there, and Drive can be mounted."""
