-- image: pictures: files, sizes, places, colours, filters, and transforms for training.
--
-- A picture is a tensor of channels x height x width, or height x width for grey; bytes are 0 to 255, other
-- types 0 to 1.

local image = {}
rawset(_G, "image", image)
package.loaded.image = image

for _, name in ipairs { "files", "geometry", "colors", "filters", "draw", "show", "transforms" } do
  require("image." .. name)(image)
end

return image
