"""Do judges confirm what a network says of elites and of real images?"""
