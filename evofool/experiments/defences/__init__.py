"""Do networks hardened against small changes resist fooling images?"""
