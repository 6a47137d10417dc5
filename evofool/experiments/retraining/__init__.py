"""Networks that learn fooling images as a class of their own."""
